"""The direct code: networks that were trained step by step run as they were trained."""
