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

-- Requests in flight that the run under way, or else the last one, may have.
ALTER TABLE confluence_fleet.connections ADD COLUMN IF NOT EXISTS permits bigint NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS connections_by_lease ON confluence_fleet.connections (site) WHERE lease_until IS NOT NULL;

-- How many percent of a stream a close may delete, until a run has succeeded; as usual where it is null.
ALTER TABLE confluence_fleet.connections ADD COLUMN IF NOT EXISTS max_delete smallint CHECK (max_delete BETWEEN 0 AND 100);

-- Each slot of each worker looks for a due job every two seconds. By the queue's own index, which begins with the priority,
-- it reads every job that is not due yet: 3.5 ms for 10,000 of them.
CREATE INDEX IF NOT EXISTS confluence_fleet_jobs_by_time ON graphile_worker._private_jobs (run_at) WHERE is_available;

-- Adds the job of a connection, or moves the one that it has. The queue looks keys up for a list of jobs: the planner takes
-- it for a hundred and would read all jobs four times for each one that is added, and it would plan anew each time.
CREATE OR REPLACE FUNCTION confluence_fleet.enqueue(connection bigint, due timestamptz)
RETURNS void LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM graphile_worker.add_job('run_connection', json_build_object('connection', connection), NULL, due,
        -- The handler of a job fails only while the database cannot be reached.
        1000, 'connection:' || connection);
END $$;

-- Whether a worker will look at a connection as soon as it has time.
CREATE OR REPLACE FUNCTION confluence_fleet.is_enqueued(connection bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN EXISTS (SELECT FROM graphile_worker._private_jobs
        WHERE key = 'connection:' || connection AND is_available AND run_at <= clock_timestamp());
END $$;

-- Connections of a site that are due and that nobody runs, those that have waited longest first.
CREATE OR REPLACE FUNCTION confluence_fleet.waiting(of_site text, at_most bigint)
RETURNS SETOF confluence_fleet.connections LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT * FROM confluence_fleet.connections
    WHERE site = of_site AND NOT paused AND next_due <= clock_timestamp()
        AND (lease_until IS NULL OR lease_until <= clock_timestamp())
    ORDER BY next_due LIMIT at_most;
END $$;

-- How many requests in flight a run of this connection may have: an equal part of the site's for each run that is under
-- way or waits, as far as the runs under way have left it; none if the site has as many runs as it may. Those who ask for
-- connections of one site wait for each other, so that each sees what the other took.
CREATE OR REPLACE FUNCTION confluence_fleet.share(c confluence_fleet.connections, requests bigint, runs bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    under_way bigint;
    in_use bigint;
    waiting bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('confluence_fleet ' || c.site, 0));
    SELECT count(*), coalesce(sum(permits), 0) INTO under_way, in_use FROM confluence_fleet.connections AS other
        WHERE other.site = c.site AND other.id <> c.id AND other.lease_until > clock_timestamp();
    IF under_way >= runs THEN
        RETURN 0;
    END IF;
    SELECT count(*) INTO waiting FROM confluence_fleet.waiting(c.site, runs) AS other WHERE other.id <> c.id;
    RETURN least(greatest(requests / least(runs, under_way + waiting + 1), 1), requests - in_use);
END $$;

-- Takes the lease of a connection that is due, unless somebody else holds it or its site has no room.
CREATE OR REPLACE FUNCTION confluence_fleet.acquire(
    wanted bigint, worker text, lease_ms float8, requests bigint, runs bigint
) RETURNS SETOF confluence_fleet.connections LANGUAGE plpgsql AS $$
DECLARE
    c confluence_fleet.connections;
    share bigint;
BEGIN
    SELECT * INTO c FROM confluence_fleet.connections WHERE id = wanted;
    share := confluence_fleet.share(c, requests, runs);
    IF share IS NULL OR share < 1 THEN
        RETURN;
    END IF;
    UPDATE confluence_fleet.connections
        SET lease_token = lease_token + 1,
            lease_until = clock_timestamp() + lease_ms * interval '1 millisecond',
            lease_worker = worker,
            permits = share
        WHERE id = wanted AND NOT paused AND next_due <= clock_timestamp()
            AND (lease_until IS NULL OR lease_until < clock_timestamp())
        RETURNING * INTO c;
    IF FOUND THEN
        IF EXISTS (SELECT FROM (
            SELECT finished_at FROM confluence_fleet.runs WHERE connection = c.id ORDER BY token DESC LIMIT 1
        ) AS last WHERE finished_at IS NULL) THEN
            -- Whoever had the lease before may be stopped in the middle of a transaction, whose locks would be in the way.
            -- A fleet in another database of the same server has connections with the same numbers.
            PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND starts_with(application_name, 'confluence-fleet ' || c.id || '/');
        END IF;
        INSERT INTO confluence_fleet.runs (connection, token, worker, due_at)
            VALUES (c.id, c.lease_token, worker, c.next_due);
        RETURN NEXT c;
    END IF;
END $$;

-- Renews a lease and returns the run's share from now on. Permits that are still in use count until a later renewal says
-- that they are not; those that came back let others begin.
CREATE OR REPLACE FUNCTION confluence_fleet.renew(
    held bigint, token bigint, lease_ms float8, in_use bigint, requests bigint, runs bigint
) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
    c confluence_fleet.connections;
    share bigint;
BEGIN
    SELECT * INTO c FROM confluence_fleet.connections WHERE id = held AND lease_token = token;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    share := greatest(confluence_fleet.share(c, requests, runs), 1);
    UPDATE confluence_fleet.connections
        SET lease_until = clock_timestamp() + lease_ms * interval '1 millisecond', permits = greatest(share, in_use)
        WHERE id = held AND lease_token = token;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM confluence_fleet.enqueue(w.id, w.next_due)
        FROM confluence_fleet.waiting(c.site, greatest(c.permits - greatest(share, in_use), 0)) AS w
        WHERE NOT confluence_fleet.is_enqueued(w.id);
    RETURN NEXT share;
END $$;
