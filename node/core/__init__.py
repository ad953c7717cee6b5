"""What every capability stands on: database and unit of work, money, clock, ids, errors, jobs."""
