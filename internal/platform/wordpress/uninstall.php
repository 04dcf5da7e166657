<?php
/**
 * Removes all that Site SMTP keeps in a site, when the plugin is deleted.
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

global $wpdb;
$site_smtp_blogs = array( get_current_blog_id() );
if ( is_multisite() ) {
	$site_smtp_blogs = get_sites(
		array(
			'fields' => 'ids',
			'number' => 0,
		)
	);
}
foreach ( $site_smtp_blogs as $site_smtp_blog ) {
	is_multisite() && switch_to_blog( $site_smtp_blog );
	wp_clear_scheduled_hook( 'site_smtp_forget' );
	$wpdb->query( $wpdb->prepare( "DELETE FROM $wpdb->options WHERE option_name = 'site_smtp' OR option_name LIKE %s", $wpdb->esc_like( 'site_smtp_' ) . '%' ) );
	is_multisite() && restore_current_blog();
}
