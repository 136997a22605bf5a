"""Plans a job: from listings to units."""
