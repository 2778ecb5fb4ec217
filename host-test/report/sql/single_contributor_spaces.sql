-- Spaces whose documents one person wrote alone.
WITH work AS (
    SELECT
        pages.space_id,
        min(versions.author_id) AS author_id,
        count(DISTINCT versions.page_id) AS documents
    FROM confluence_page_versions AS versions
    JOIN confluence_pages AS pages ON pages.source_id = versions.page_id
    WHERE pages.status IN ('current', 'archived') AND versions.author_id IS NOT NULL AND versions.created_at < :until
    GROUP BY pages.space_id
    HAVING count(DISTINCT versions.author_id) = 1
)
SELECT
    count(*) OVER () AS total, spaces.name, spaces.source_url, users.name AS person, work.documents
FROM work
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = work.space_id
LEFT JOIN confluence_users AS users ON users.source_id = work.author_id
ORDER BY work.documents DESC, work.space_id
LIMIT 25
