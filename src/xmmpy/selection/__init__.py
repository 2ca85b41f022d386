"""The selection language of SAS."""
