"""What a search leaves behind, made readable and portable: tables, frontier, differences, dashboard, export."""
