"""The one Report of a run, of which every edition is a part: each module asks the run's database about one side of it."""
