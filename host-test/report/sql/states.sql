-- Documents by content state, space by space; only spaces in which a document has one. Of the 100 spaces with most such
-- documents, each with its 20 most frequent states.
WITH documents AS (
    SELECT
        space_id, content_state_name, count(*) AS documents,
        sum(count(*)) OVER (PARTITION BY space_id) AS documents_of_space,
        sum(CASE WHEN content_state_name IS NULL THEN 0 ELSE count(*) END) OVER (PARTITION BY space_id) AS with_state
    FROM confluence_pages
    WHERE status IN ('current', 'archived') AND created_at < :until
    GROUP BY space_id, content_state_name
),
ranked AS (
    SELECT
        space_id, content_state_name, documents, documents_of_space, with_state,
        dense_rank() OVER (ORDER BY with_state DESC, space_id) AS place,
        row_number() OVER (PARTITION BY space_id ORDER BY documents DESC, coalesce(content_state_name, ''))
            AS place_in_space
    FROM documents
    WHERE with_state > 0
)
SELECT
    (SELECT max(place) FROM ranked) AS total, ranked.space_id, spaces.name, spaces.source_url,
    ranked.content_state_name, ranked.documents, ranked.documents_of_space, ranked.with_state
FROM ranked
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = ranked.space_id
WHERE ranked.place <= 100 AND ranked.place_in_space <= 20
ORDER BY ranked.place, ranked.place_in_space
