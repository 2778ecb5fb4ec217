-- Accounts with and without an e-mail address: those without cannot be matched to people of other systems.
SELECT
    count(*) OVER () AS total,
    sum(count(*)) OVER () AS total_accounts,
    sum(sum(CASE WHEN email IS NULL OR email = '' THEN 1 ELSE 0 END)) OVER () AS total_without_email,
    coalesce(account_type, 'unknown') AS account_type,
    coalesce(account_status, 'unknown') AS account_status,
    count(*) AS accounts,
    sum(CASE WHEN email IS NULL OR email = '' THEN 1 ELSE 0 END) AS without_email
FROM confluence_users
GROUP BY coalesce(account_type, 'unknown'), coalesce(account_status, 'unknown')
ORDER BY count(*) DESC, 4, 5
LIMIT 20
