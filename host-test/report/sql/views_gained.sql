-- Views that documents gained since the figures that were kept last, the most first. It needs the table
-- confluence_page_views_history, which the recipe below fills. Of a document that is newer, all views count.
WITH kept AS (
    SELECT
        history.page_id, history.views_count, history.read_at,
        row_number() OVER (PARTITION BY history.page_id ORDER BY history.read_at DESC) AS place
    FROM confluence_page_views_history AS history
    JOIN confluence_page_views AS latest ON latest.page_id = history.page_id
    WHERE history.views_count IS NOT NULL AND history.read_at < latest.read_at
),
gained AS (
    SELECT
        latest.page_id, kept.read_at AS since, latest.views_count - coalesce(kept.views_count, 0) AS views_count
    FROM confluence_page_views AS latest
    JOIN confluence_pages AS pages ON pages.source_id = latest.page_id
    LEFT JOIN kept ON kept.page_id = latest.page_id AND kept.place = 1
    WHERE pages.status IN ('current', 'archived') AND pages.created_at < :until
        AND (
            kept.page_id IS NOT NULL
            OR pages.created_at >= (SELECT max(read_at) FROM confluence_page_views_history)
        )
)
SELECT
    count(*) OVER () AS total, sum(gained.views_count) OVER () AS gained, min(gained.since) OVER () AS since,
    pages.title, pages.source_url, spaces.name AS space, owners.name AS person, pages.updated_at, gained.views_count
FROM gained
JOIN confluence_pages AS pages ON pages.source_id = gained.page_id
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = pages.space_id
LEFT JOIN confluence_users AS owners ON owners.source_id = pages.owner_id
WHERE gained.views_count > 0
ORDER BY gained.views_count DESC, pages.source_id
LIMIT 25
