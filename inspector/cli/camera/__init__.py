"""The commands of `inspector camera`: list, connect and change cameras."""
