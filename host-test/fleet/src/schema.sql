CREATE SCHEMA IF NOT EXISTS confluence_fleet;

-- A connection, when it is due, and who may run it.
CREATE TABLE IF NOT EXISTS confluence_fleet.connections (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL UNIQUE,
    -- The configuration; secrets in it are encrypted, or say where they are.
    config jsonb NOT NULL,
    -- Connections of one site share a limit.
    site text NOT NULL,
    streams text[] NOT NULL,
    mode text NOT NULL,
    every_s bigint NOT NULL CHECK (every_s > 0),
    paused boolean NOT NULL DEFAULT false,
    pause_reason text,
    next_due timestamptz NOT NULL DEFAULT now(),
    -- Each lease has a number, which only grows.
    lease_token bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    lease_worker text,
    failures bigint NOT NULL DEFAULT 0,
    succeeded_at timestamptz
);
CREATE INDEX IF NOT EXISTS connections_by_site ON confluence_fleet.connections (site, next_due);

-- What happened: one row a run.
CREATE TABLE IF NOT EXISTS confluence_fleet.runs (
    connection bigint NOT NULL REFERENCES confluence_fleet.connections ON DELETE CASCADE,
    token bigint NOT NULL,
    worker text NOT NULL,
    due_at timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Written in the transaction of each checkpoint.
    checkpoints bigint NOT NULL DEFAULT 0,
    checkpoint_at timestamptz,
    finished_at timestamptz,
    -- Empty, or the kind of the failure.
    outcome text,
    message text,
    rows bigint,
    requests bigint,
    cpu_ms bigint,
    PRIMARY KEY (connection, token)
);
CREATE INDEX IF NOT EXISTS runs_by_start ON confluence_fleet.runs (started_at);

-- Takes the lease of a connection that is due, unless somebody else holds it or its site has no room. Two that ask for
-- connections of one site wait for each other, so that each sees what the other took.
CREATE OR REPLACE FUNCTION confluence_fleet.acquire(wanted bigint, worker text, lease_ms float8, runs_by_site bigint)
RETURNS SETOF confluence_fleet.connections LANGUAGE plpgsql AS $$
DECLARE
    taken confluence_fleet.connections;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('confluence_fleet ' || site, 0))
        FROM confluence_fleet.connections WHERE id = wanted;
    UPDATE confluence_fleet.connections AS c
        SET lease_token = c.lease_token + 1,
            lease_until = clock_timestamp() + lease_ms * interval '1 millisecond',
            lease_worker = worker
        WHERE c.id = wanted AND NOT c.paused AND c.next_due <= clock_timestamp()
            AND (c.lease_until IS NULL OR c.lease_until < clock_timestamp())
            AND (SELECT count(*) FROM confluence_fleet.connections AS other
                 WHERE other.site = c.site AND other.lease_until > clock_timestamp()) < runs_by_site
        RETURNING * INTO taken;
    IF FOUND THEN
        INSERT INTO confluence_fleet.runs (connection, token, worker, due_at)
            VALUES (taken.id, taken.lease_token, worker, taken.next_due);
        RETURN NEXT taken;
    END IF;
END $$;
