"""What the lessons run on. Learners need none of it: they call what ``scratchnet_lessons`` exports."""
