"""Write predictions: `csv_writer` and `file_writer` are the callbacks, `prediction_writer` their base."""
