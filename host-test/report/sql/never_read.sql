-- Documents older than a year without a single view, the largest age first: candidates for the archive. Documents
-- whose views are not known are left out.
SELECT
    count(*) OVER () AS total, pages.title, pages.source_url, spaces.name AS space, owners.name AS person,
    pages.updated_at, pages.views_count
FROM confluence_pages AS pages
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = pages.space_id
LEFT JOIN confluence_users AS owners ON owners.source_id = pages.owner_id
WHERE pages.status = 'current' AND pages.created_at < :year_ago AND pages.views_count = 0
ORDER BY pages.updated_at, pages.source_id
LIMIT 25
