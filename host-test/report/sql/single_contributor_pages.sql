-- Documents that one person wrote alone, the most read first: what is lost when that person leaves.
WITH work AS (
    SELECT page_id, min(author_id) AS author_id
    FROM confluence_page_versions
    WHERE author_id IS NOT NULL AND created_at < :until
    GROUP BY page_id
    HAVING count(DISTINCT author_id) = 1
)
SELECT
    count(*) OVER () AS total, pages.title, pages.source_url, spaces.name AS space, users.name AS person,
    pages.updated_at, pages.views_count
FROM work
JOIN confluence_pages AS pages ON pages.source_id = work.page_id
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = pages.space_id
LEFT JOIN confluence_users AS users ON users.source_id = work.author_id
WHERE pages.status IN ('current', 'archived')
ORDER BY coalesce(pages.views_count, 0) DESC, pages.source_id
LIMIT 25
