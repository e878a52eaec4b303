"""The harness that measures restoration backends: data sets, scenarios, metrics, two resumable stages."""
