-- Who writes: the most active people of the year before :until, then those of all time.
WITH people AS (
    SELECT
        versions.author_id,
        sum(CASE WHEN versions.created_at >= :year_ago AND versions.number = 1 THEN 1 ELSE 0 END) AS new_documents,
        sum(CASE WHEN versions.created_at >= :year_ago AND versions.number > 1 THEN 1 ELSE 0 END) AS updates,
        sum(CASE WHEN versions.created_at >= :year_ago THEN 1 ELSE 0 END) AS this_year,
        count(*) AS all_time,
        count(DISTINCT versions.page_id) AS documents,
        max(versions.created_at) AS latest
    FROM confluence_page_versions AS versions
    JOIN confluence_pages AS pages ON pages.source_id = versions.page_id
    WHERE pages.status IN ('current', 'archived')
        AND versions.author_id IS NOT NULL AND versions.created_at < :until
    GROUP BY versions.author_id
)
SELECT
    count(*) OVER () AS total, sum(CASE WHEN people.this_year > 0 THEN 1 ELSE 0 END) OVER () AS total_this_year,
    people.author_id, users.name, people.new_documents, people.updates, people.this_year, people.all_time,
    people.documents, people.latest
FROM people
LEFT JOIN confluence_users AS users ON users.source_id = people.author_id
ORDER BY people.this_year DESC, people.all_time DESC, people.author_id
LIMIT 25
