"""Everything that uses private names of Lightning, torch and torchmetrics, which any release of theirs may change.

Each line has the private name, where lighter uses it, and the test that fails when it changes; ``tests/lightning``
checks that the list is complete. It names modules outside this package where a function in between would cost time in
each step, or where lighter extends a class.

Lightning
    ``_results``: state; test_loops_show_the_running_batch
    ``_evaluation_loop``: state; test_loops_show_the_running_batch
    keys and ``update_metrics`` of a result collection: lighter.logging.registered_names;
        test_an_updated_name_has_a_value_again
    ``_ResultMetric``: unfinished_epoch; test_a_plain_module_resumes_from_any_checkpoint
    ``_Metadata``: unfinished_epoch; test_a_plain_module_resumes_from_any_checkpoint
    ``_Sync``: unfinished_epoch; test_a_plain_module_resumes_from_any_checkpoint
    ``_seen_batches_per_dataloader``: state, restart; test_loops_show_the_running_batch
    ``_num_ready_batches_reached``: state; test_loops_show_the_running_batch
    ``_batches_that_stepped``: state; test_step_rows_are_those_that_lightning_writes
    ``_should_accumulate``: state, restart; test_step_rows_are_those_that_lightning_writes
    ``_combined_loader``: state, restart; test_one_of_several_validation_loaders_is_named
    ``_iterator``: state, lighter.resumable; test_one_of_several_validation_loaders_is_named
    ``_idx``: state; test_each_stage_names_its_batch
    ``_is_sequential``: state; test_loaders_that_validate_side_by_side_are_complete
    ``_iterator_idx``: state; test_one_of_several_validation_loaders_is_named
    ``_data_fetcher``: state, restart; test_an_unreadable_sample_is_named_with_its_batch
    ``_should_check_val_fx``: restart; test_asking_what_is_due_changes_no_count
    ``_restart_stage``: restart; test_resume_from_any_checkpoint_leaves_nothing_out
    ``_first_loop_iter``: state; test_resume_from_any_checkpoint_leaves_nothing_out
    ``_logged_outputs``: state; test_resume_from_any_checkpoint_leaves_nothing_out
    ``_skip_next_val``: restart; test_resume_from_any_checkpoint_leaves_nothing_out
    ``_has_run``: restart; test_resume_from_any_checkpoint_leaves_nothing_out
    ``_restarting``: restart; test_resume_from_any_checkpoint_leaves_nothing_out
    ``_update_learning_rates``: restart; test_resume_from_any_checkpoint_leaves_nothing_out
    ``_logger_connector``: restart; test_callback_metrics_are_those_that_callbacks_read
    ``_callback_metrics``: restart; test_callback_metrics_are_those_that_callbacks_read
    ``_trainer``: lighter.module; test_a_module_has_no_trainer_and_no_compiler_at_first
    ``_compiler_ctx``: lighter.module; test_a_module_has_no_trainer_and_no_compiler_at_first
    ``_IndexBatchSamplerWrapper``: lighter.callbacks.writers.sample_order; test_predict_reads_what_lightning_recorded
    ``_auto_add_worker_init_fn``: lighter.dataloaders; test_a_worker_keeps_its_function_and_lightnings_seeds
    ``_average_model``: exact_weights; test_averaged_weights_are_swapped_for_validation
    ``_swap_models``: exact_weights; test_averaged_weights_are_swapped_for_validation
    hooks of a callback that are None: failure_notes; test_lightning_skips_hooks_that_are_none
    pickled modules with ``_dual_logging``: lighter.module; test_a_module_pickled_by_version_0_2_0_still_validates

torch
    ``_utils``: failure_notes; test_a_worker_names_the_sample_and_shows_its_traceback
    ``_MapDatasetFetcher``: failure_notes, which replaces its ``fetch`` in workers and reads its local names;
        test_a_worker_names_the_sample_and_shows_its_traceback
    ``_index_sampler``: lighter.resumable overrides it;
        test_a_resumed_loader_ends_its_epoch_as_uninterrupted
    ``_NormBase``: lighter.parameter_names; test_norm_layers_are_those_with_running_statistics
    ``_schedulers``: lighter.optimizers.configuration; test_schedules_inside_others_are_found
    ``_get_closed_form_lr``: lighter.restored_values; test_configured_cosine_continues_at_its_step_with_the_callback
    ``_orig_mod``: lighter.module, lighter.parameter_names; test_wrappers_add_these_parts_to_names
    ``_fsdp_wrapped_module``: parameter_names; test_wrappers_add_these_parts_to_names
    ``_checkpoint_wrapped_module``: parameter_names; test_wrappers_add_these_parts_to_names

torchmetrics
    ``_defaults``: metric_states; test_metric_states_are_copied_and_loaded
    ``_update_count``: metric_states; test_metric_states_are_copied_and_loaded
    ``_num_vals_seen``: metric_states; test_a_running_window_counts_its_updates_itself
    ``_is_initialized``: metric_states; test_classes_that_an_update_counts_are_those_of_a_checkpoint
    ``min_val``, ``max_val``: metric_states; test_no_reset_forgets_a_minimum_and_a_maximum
    ``_computed``: metric_states; test_metric_states_are_copied_and_loaded
    ``_filter_kwargs``: metric_states; test_a_metric_names_the_keywords_of_its_update
    ``_enable_compute_groups``: metric_states; test_groups_replace_those_that_a_first_batch_would_give
    ``_state_is_copy``: metric_states; test_a_collection_notes_that_a_metric_was_taken_out
    ``_reductions``: metric_states; test_metric_states_are_copied_and_loaded
    ``_to_sync``: metric_states; test_a_metric_kept_on_one_rank_does_not_synchronize
    ``_wrap_compute``: lighter.logging.registered_names overrides it;
        test_an_epoch_value_is_neither_cached_nor_synchronized
    ``_wrap_update``: lighter.logging.registered_names overrides it;
        test_an_epoch_value_is_neither_cached_nor_synchronized
    ``forward``: lighter.logging.wrapper_metrics replaces it on a metric;
        test_a_wrapper_loses_states_when_it_is_called
"""
