<?php
// Loads the WordPress whose files are at SITE_ROOT: Debian's, with a configuration and a content folder of its own.

define( 'ABSPATH', SITE_ROOT . '/' );

require ABSPATH . 'wp-load.php';
