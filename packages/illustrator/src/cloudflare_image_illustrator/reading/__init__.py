"""Language: from a prompt in any of sixteen languages to the things, places, styles and numbers that it names."""
