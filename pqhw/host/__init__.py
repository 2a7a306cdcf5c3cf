"""Talks to a board: frames, requests that are repeated until answered, rows in and results out."""
