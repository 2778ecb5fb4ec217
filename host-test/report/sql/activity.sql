-- New documents and updates per period, and how many people made them. The unit is a week, month, quarter or
-- year. A document's first version makes it new, every later one is an update.
SELECT
    date_trunc(:unit, versions.created_at) AS period,
    sum(CASE WHEN versions.number = 1 THEN 1 ELSE 0 END) AS new_documents,
    sum(CASE WHEN versions.number > 1 THEN 1 ELSE 0 END) AS updates,
    count(DISTINCT versions.author_id) AS contributors
FROM confluence_page_versions AS versions
JOIN confluence_pages AS pages ON pages.source_id = versions.page_id
WHERE pages.status IN ('current', 'archived')
    AND versions.created_at >= :since AND versions.created_at < :until
GROUP BY 1
ORDER BY 1
