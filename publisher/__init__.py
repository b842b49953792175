"""From a `datasets` builder to a repository of the Hugging Face Hub; knows no dataset of its own."""
