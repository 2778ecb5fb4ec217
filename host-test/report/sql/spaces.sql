-- Each space that has documents: how many, how many nobody touched for a year, what happened in the year before
-- :until, and how much it is read.
WITH documents AS (
    SELECT
        space_id,
        count(*) AS documents,
        sum(CASE WHEN updated_at < :year_ago THEN 1 ELSE 0 END) AS untouched,
        sum(views_count) AS views
    FROM confluence_pages
    WHERE status IN ('current', 'archived') AND created_at < :until
    GROUP BY space_id
),
work AS (
    SELECT
        pages.space_id,
        sum(CASE WHEN versions.number = 1 THEN 1 ELSE 0 END) AS new_documents,
        sum(CASE WHEN versions.number > 1 THEN 1 ELSE 0 END) AS updates,
        count(DISTINCT versions.author_id) AS contributors
    FROM confluence_page_versions AS versions
    JOIN confluence_pages AS pages ON pages.source_id = versions.page_id
    WHERE pages.status IN ('current', 'archived')
        AND versions.created_at >= :year_ago AND versions.created_at < :until
    GROUP BY pages.space_id
)
SELECT
    count(*) OVER () AS total, spaces.name, spaces.source_url, documents.documents, documents.untouched,
    coalesce(work.new_documents, 0) AS new_documents, coalesce(work.updates, 0) AS updates,
    coalesce(work.contributors, 0) AS contributors, documents.views
FROM documents
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = documents.space_id
LEFT JOIN work ON work.space_id = documents.space_id
ORDER BY documents.documents DESC, documents.space_id
LIMIT 100
