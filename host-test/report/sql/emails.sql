-- Accounts with and without an e-mail address: those without cannot be matched to people of other systems.
SELECT
    coalesce(account_type, 'unknown') AS account_type,
    coalesce(account_status, 'unknown') AS account_status,
    count(*) AS accounts,
    sum(CASE WHEN email IS NULL OR email = '' THEN 1 ELSE 0 END) AS without_email
FROM confluence_users
GROUP BY coalesce(account_type, 'unknown'), coalesce(account_status, 'unknown')
ORDER BY 3 DESC, 1, 2
LIMIT 20
