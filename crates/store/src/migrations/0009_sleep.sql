-- Branches that nobody uses fall asleep: their servers are stopped, and started when somebody comes.

-- Whether its server shall be stopped: 'no', 'when_idle' (unless somebody uses it), 'asked'.
ALTER TABLE branches ADD COLUMN sleep TEXT NOT NULL DEFAULT 'no';
-- After how many seconds without use it falls asleep; 0 for never, null for what the operator has set.
ALTER TABLE branches ADD COLUMN sleep_after_s INTEGER;
-- When it was known to be used last. Whoever is let in is noted before, so nobody is let in behind its back.
ALTER TABLE branches ADD COLUMN used_at INTEGER;
