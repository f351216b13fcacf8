"""The commands of `inspector export`: parts, pipelines and the MQTT contract as files."""
