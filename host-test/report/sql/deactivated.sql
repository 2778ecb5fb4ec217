-- Documents whose owner, or all of whose contributors, have a deactivated account: the most read first. Accounts
-- that the service no longer knows are not in confluence_users and not counted as deactivated.
WITH work AS (
    SELECT
        versions.page_id,
        CASE
            WHEN count(DISTINCT versions.author_id)
                = count(DISTINCT CASE WHEN users.account_status IN ('inactive', 'closed') THEN users.source_id END)
            THEN 1 ELSE 0
        END AS contributors_deactivated
    FROM confluence_page_versions AS versions
    LEFT JOIN confluence_users AS users ON users.source_id = versions.author_id
    WHERE versions.author_id IS NOT NULL AND versions.created_at < :until
    GROUP BY versions.page_id
),
documents AS (
    SELECT
        pages.source_id, pages.title, pages.source_url, pages.space_id, pages.updated_at, pages.views_count,
        owners.name AS person,
        CASE WHEN owners.account_status IN ('inactive', 'closed') THEN 1 ELSE 0 END AS owner_deactivated,
        coalesce(work.contributors_deactivated, 0) AS contributors_deactivated
    FROM confluence_pages AS pages
    LEFT JOIN confluence_users AS owners ON owners.source_id = pages.owner_id
    LEFT JOIN work ON work.page_id = pages.source_id
    WHERE pages.status IN ('current', 'archived') AND pages.created_at < :until
)
SELECT
    count(*) OVER () AS total, documents.title, documents.source_url, spaces.name AS space, documents.person,
    documents.updated_at, documents.views_count, documents.owner_deactivated, documents.contributors_deactivated
FROM documents
LEFT JOIN confluence_spaces AS spaces ON spaces.source_id = documents.space_id
WHERE documents.owner_deactivated = 1 OR documents.contributors_deactivated = 1
ORDER BY coalesce(documents.views_count, 0) DESC, documents.source_id
LIMIT 25
