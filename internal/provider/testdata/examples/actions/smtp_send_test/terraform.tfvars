candidate_password = "abcd efgh ijkl mnop"
