"""What the web program and the encoder say to each other: requests, answers, refusals, and how they travel."""
