"""What `mmkeras.compare` is made of: trials, corruptions, tests of significance, the page."""
