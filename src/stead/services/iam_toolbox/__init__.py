"""IAM Toolbox: AWS's own explanations of refusals."""
