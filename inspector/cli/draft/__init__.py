"""The commands of `inspector draft`: versions that decide in the shadow of the live one."""
