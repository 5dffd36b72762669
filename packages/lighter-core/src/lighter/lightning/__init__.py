"""Everything that reaches into Lightning beyond its public interface."""
