"""Long work on the catalogue (imports, bulk edits, their undo) in small units: stoppable, resumable, with progress."""
