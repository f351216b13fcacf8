"""Visual inspection on factory lines by a vision-language model."""
