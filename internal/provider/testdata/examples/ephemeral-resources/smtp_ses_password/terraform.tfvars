access_key_id     = "AKIAIOSFODNN7EXAMPLE"
secret_access_key = "some+secret+key"
