-- Documents without a label, by space.
SELECT
    spaces.name, spaces.source_url,
    count(*) AS documents,
    sum(CASE WHEN labels.page_id IS NULL THEN 1 ELSE 0 END) AS unlabeled
FROM confluence_pages AS pages
LEFT JOIN (SELECT DISTINCT page_id FROM confluence_page_labels) AS labels ON labels.page_id = pages.source_id
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = pages.space_id
WHERE pages.status IN ('current', 'archived') AND pages.created_at < :until
GROUP BY pages.space_id, spaces.name, spaces.source_url
ORDER BY 4 DESC, pages.space_id
LIMIT 100
