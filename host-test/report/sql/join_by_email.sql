-- A recipe, not run for this page: the documents that each team of a table people(email, team) updated. Compare
-- e-mail addresses in lower case; the two systems may spell them differently.
SELECT
    people.team,
    count(DISTINCT versions.page_id) AS documents
FROM confluence_users AS users
JOIN people ON lower(people.email) = lower(users.email)
JOIN confluence_page_versions AS versions ON versions.author_id = users.source_id
WHERE users.email <> ''
GROUP BY people.team
ORDER BY 2 DESC, 1
