-- Documents without a label, by space. The totals are of all spaces; that of the spaces is of those with such documents.
WITH documents AS (
    SELECT
        pages.space_id,
        count(*) AS documents,
        sum(CASE WHEN labels.page_id IS NULL THEN 1 ELSE 0 END) AS unlabeled
    FROM confluence_pages AS pages
    LEFT JOIN (SELECT DISTINCT page_id FROM confluence_page_labels) AS labels ON labels.page_id = pages.source_id
    WHERE pages.status IN ('current', 'archived') AND pages.created_at < :until
    GROUP BY pages.space_id
)
SELECT
    sum(CASE WHEN documents.unlabeled > 0 THEN 1 ELSE 0 END) OVER () AS total,
    sum(documents.documents) OVER () AS total_documents,
    sum(documents.unlabeled) OVER () AS total_unlabeled,
    spaces.name, spaces.source_url, documents.documents, documents.unlabeled
FROM documents
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = documents.space_id
ORDER BY documents.unlabeled DESC, documents.space_id
LIMIT 100
