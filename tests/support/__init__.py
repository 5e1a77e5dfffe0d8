"""What several areas of the suite share: databases and builders."""
