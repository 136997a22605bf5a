"""Pages for people who watch a fleet: its jobs as they come along, what they found, and a form that sets up a scan."""
