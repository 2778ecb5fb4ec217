-- Documents that changed most often within one month of the year before :until. Many versions by one person may be
-- an app's, or somebody's who saves often; many by several people are a discussion.
WITH months AS (
    SELECT
        page_id,
        date_trunc('month', created_at) AS period,
        count(*) AS versions,
        count(DISTINCT author_id) AS contributors
    FROM confluence_page_versions
    WHERE created_at >= :year_ago AND created_at < :until
    GROUP BY page_id, date_trunc('month', created_at)
),
ranked AS (
    SELECT
        page_id, period, versions, contributors,
        row_number() OVER (PARTITION BY page_id ORDER BY versions DESC, period DESC) AS place
    FROM months
    WHERE versions > 1
)
SELECT
    count(*) OVER () AS total,
    pages.title, pages.source_url, spaces.name AS space, ranked.period, ranked.versions, ranked.contributors
FROM ranked
JOIN confluence_pages AS pages ON pages.source_id = ranked.page_id
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = pages.space_id
WHERE ranked.place = 1 AND pages.status IN ('current', 'archived')
ORDER BY ranked.versions DESC, pages.source_id
LIMIT 25
