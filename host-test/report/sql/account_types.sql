-- People against apps: the work of the year before :until by the type of the account. Service accounts are apps.
SELECT
    count(*) OVER () AS total,
    coalesce(users.account_type, 'unknown') AS account_type,
    count(DISTINCT versions.author_id) AS accounts,
    sum(CASE WHEN versions.number = 1 THEN 1 ELSE 0 END) AS new_documents,
    sum(CASE WHEN versions.number > 1 THEN 1 ELSE 0 END) AS updates
FROM confluence_page_versions AS versions
JOIN confluence_pages AS pages ON pages.source_id = versions.page_id
LEFT JOIN confluence_users AS users ON users.source_id = versions.author_id
WHERE pages.status IN ('current', 'archived') AND versions.author_id IS NOT NULL
    AND versions.created_at >= :year_ago AND versions.created_at < :until
GROUP BY coalesce(users.account_type, 'unknown')
ORDER BY count(*) DESC, 2
LIMIT 20
