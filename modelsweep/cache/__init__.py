"""What is known of bytes that were examined before: extracted once, judged anew under today's rules and options."""
