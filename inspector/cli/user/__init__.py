"""The commands of `inspector user`: people, their roles and their logins."""
