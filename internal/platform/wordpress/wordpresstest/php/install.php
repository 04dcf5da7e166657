<?php
// Installs a WordPress with one administrator, and prints the Application Password that it makes for them.

define( 'WP_INSTALLING', true );
define( 'WP_SITEURL', SITE_URL );

// Installing tells the administrator by mail.
function wp_new_blog_notification() {}

require __DIR__ . '/load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';

// Otherwise WordPress tries out over HTTP whether it can be had.
add_filter( 'pre_option_permalink_structure', static fn () => '/%postname%/' );
$made = wp_install( SITE_TITLE, 'admin', 'admin@example.com', false, '', wp_generate_password() );
remove_all_filters( 'pre_option_permalink_structure' );
update_option( 'permalink_structure', '/%postname%/' );

[ $password ] = WP_Application_Passwords::create_new_application_password( $made['user_id'], array( 'name' => 'terraform' ) );
echo $password;
