-- Documents that nobody touched for a year and that are read all the same: the most read first, with the owner,
-- whom to ask. Views count since a document was made.
SELECT
    count(*) OVER () AS total, pages.title, pages.source_url, spaces.name AS space, owners.name AS person,
    pages.updated_at, pages.views_count
FROM confluence_pages AS pages
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = pages.space_id
LEFT JOIN confluence_users AS owners ON owners.source_id = pages.owner_id
WHERE pages.status IN ('current', 'archived') AND pages.updated_at < :year_ago AND pages.views_count > 0
ORDER BY pages.views_count DESC, pages.source_id
LIMIT 25
