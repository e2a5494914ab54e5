"""Files, pictures and folders: every path to the disk goes through here."""
