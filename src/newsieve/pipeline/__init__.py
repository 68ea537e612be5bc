"""The stages of dvc.yaml. Needs the extra `pipeline`; nothing else of newsieve imports it."""
