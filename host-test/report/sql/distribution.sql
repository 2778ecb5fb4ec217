-- How the work is spread: people grouped by how many versions they made since :since, and how much of the work
-- each group did. The sum of makers_of_half is the number of most active people who made half of it all.
WITH people AS (
    SELECT versions.author_id, count(*) AS made
    FROM confluence_page_versions AS versions
    JOIN confluence_pages AS pages ON pages.source_id = versions.page_id
    WHERE pages.status IN ('current', 'archived') AND versions.author_id IS NOT NULL
        AND versions.created_at >= :since AND versions.created_at < :until
    GROUP BY versions.author_id
),
ranked AS (
    SELECT
        made,
        CASE WHEN made = 1 THEN 1 WHEN made <= 5 THEN 2 WHEN made <= 20 THEN 6 WHEN made <= 100 THEN 21 ELSE 101 END
            AS at_least,
        sum(made) OVER (ORDER BY made DESC, author_id ROWS UNBOUNDED PRECEDING) - made AS made_by_more_active,
        sum(made) OVER () AS made_by_all
    FROM people
)
SELECT
    at_least,
    count(*) AS people,
    sum(made) AS versions,
    sum(CASE WHEN 2 * made_by_more_active < made_by_all THEN 1 ELSE 0 END) AS makers_of_half
FROM ranked
GROUP BY at_least
ORDER BY at_least
