"""What is wanted, against what is there: values only; no file is written and no request is sent."""
