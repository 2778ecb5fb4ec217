-- Documents by content state, space by space; only spaces in which a document has one.
WITH documents AS (
    SELECT
        space_id, content_state_name, count(*) AS documents,
        sum(count(*)) OVER (PARTITION BY space_id) AS documents_of_space,
        sum(CASE WHEN content_state_name IS NULL THEN 0 ELSE count(*) END) OVER (PARTITION BY space_id) AS with_state
    FROM confluence_pages
    WHERE status IN ('current', 'archived') AND created_at < :until
    GROUP BY space_id, content_state_name
)
SELECT
    documents.space_id, spaces.name, spaces.source_url, documents.content_state_name, documents.documents,
    documents.documents_of_space, documents.with_state
FROM documents
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = documents.space_id
WHERE documents.with_state > 0
ORDER BY documents.with_state DESC, documents.space_id, documents.documents DESC,
    coalesce(documents.content_state_name, '')
LIMIT 200
